-- takeover pacemaker config: resources and constraints for virtual machines of parameters.lua, as
-- commands of pcs or as the XML that cibadmin takes. Prints; changes nothing.
local exit_codes = require("core.exit_codes")
local failure = require("failure")
local output = require("cli.output")
local schema = require("failover.parameters.schema")
local session = require("cli.session")

local M = {}

local MONITOR_INTERVAL, MONITOR_TIMEOUT = 60, 120 -- seconds; takeover monitor itself takes 60
local FAILURE_TIMEOUT = 600 -- seconds after which a node on which a start failed is tried again
local STICKINESS = 1000 -- a machine that runs stays: a move interrupts it
local ATTRIBUTES_INTERVAL = 60

function M.define(command, cli)
  command:description([[
Prints, for the virtual machines named or for all, what Pacemaker must know: a resource of
ocf:takeover:vm with the times of the parameters, the constraints that follow from `nodes`, and the
clone of ocf:takeover:devices with the rule that keeps a machine off a node where no device for it
can be had. Fencing is switched on, because without it nothing proves that another host has let go;
the fence devices themselves are the site's own.

--disk names the resource of the shared disk that holds the machine's folder, if there is one: the
machine runs with it and after it.]])
  command:epilog(cli.exit_codes({ "ok", "configuration", "usage" }) .. [[


Examples:
  takeover pacemaker config vme2 --disk disk-g > vme2.sh && sh vme2.sh
  takeover pacemaker config --format xml > vms.xml && cibadmin --modify --xml-file vms.xml]])
  command:argument("vm", "Names in the parameters (default: all)"):args("*")
  command:option("--format", "pcs (default) or xml"):choices({ "pcs", "xml" }):argname("FORMAT")
    :default("pcs"):show_default(false)
  command:option("--disk", "Resource of the shared disk under the machine (one machine only)")
    :argname("RESOURCE")
  command:option("--server-parameters", "The parameters as the nodes name them (default: the file\n"
    .. "that is read now)"):argname("FILE")
  command:option("--server-state", "The state directory as the nodes name it"):argname("DIR")
end

---- what there is to say, independent of the form -------------------------------------------------

-- A name as XML ids and pcs take it: other bytes than these are written in hexadecimal.
local function plain(name)
  return (name:gsub("[^%w_.-]", function(char)
    return ("_%02X"):format(char:byte())
  end))
end

-- The node attribute that says whether the machine's devices can be had on a node.
---@param name string of the virtual machine
function M.attribute_of(name)
  return "takeover-" .. plain(name)
end

---@class PacemakerResource
---@field name string
---@field vm string
---@field attributes string[][] name and value
---@field operations { name: string, interval: number?, timeout: number }[]
---@field never_on string[] nodes
---@field attribute string node attribute that says whether a device can be had
---@field disk string?

---@return PacemakerResource
local function describe(parameters, name, options)
  local vm = parameters.vms[name]
  local allowed, never_on = {}, {}
  for _, node in ipairs(vm.nodes or schema.sorted_keys(parameters.nodes)) do
    allowed[node] = true
  end
  for _, node in ipairs(schema.sorted_keys(parameters.nodes)) do
    never_on[#never_on + 1] = not allowed[node] and node or nil
  end
  local attributes = { { "vm", name }, { "parameters", options.parameters } }
  if options.state then
    attributes[#attributes + 1] = { "state", options.state }
  end
  return {
    name = "vm-" .. plain(name), vm = name, attributes = attributes, never_on = never_on,
    operations = {
      { name = "start", timeout = vm.start_timeout }, { name = "stop", timeout = vm.stop_timeout },
      { name = "monitor", interval = MONITOR_INTERVAL, timeout = MONITOR_TIMEOUT },
    },
    attribute = M.attribute_of(name), disk = options.disk,
  }
end

local function seconds(number)
  return ("%gs"):format(number)
end

---- pcs ----------------------------------------------------------------------------------------

local function quoted(text)
  text = tostring(text)
  return text:find("[^%w_./:=-]") and "'" .. text:gsub("'", "'\\''") .. "'" or text
end

local function pcs(resources, devices)
  local lines = {
    "# Fencing must be on and each node must have a fence device (pcs stonith create ...): without",
    "# it nothing proves that another host has let go of a machine and its devices.",
    "pcs property set stonith-enabled=true",
  }
  local function add(...)
    lines[#lines + 1] = table.concat({ ... }, " ")
  end
  local function pairs_of(list)
    local words = {}
    for i, pair in ipairs(list) do
      words[i] = pair[1] .. "=" .. quoted(pair[2])
    end
    return table.concat(words, " ")
  end
  add("pcs resource create takeover-devices ocf:takeover:devices", pairs_of(devices.attributes),
    "op monitor interval=" .. seconds(ATTRIBUTES_INTERVAL), "timeout=" .. seconds(MONITOR_TIMEOUT),
    "clone interleave=true")
  for _, r in ipairs(resources) do
    local operations = {}
    for i, op in ipairs(r.operations) do
      operations[i] = op.name .. (op.interval and " interval=" .. seconds(op.interval) or "")
        .. " timeout=" .. seconds(op.timeout)
    end
    add("pcs resource create", r.name, "ocf:takeover:vm", pairs_of(r.attributes), "op",
      table.concat(operations, " "), "meta resource-stickiness=" .. STICKINESS,
      "failure-timeout=" .. seconds(FAILURE_TIMEOUT))
    for _, node in ipairs(r.never_on) do
      add("pcs constraint location", r.name, "avoids", quoted(node) .. "=INFINITY")
    end
    add("pcs constraint location", r.name, "rule score=-INFINITY", r.attribute, "eq 0")
    add("pcs constraint order takeover-devices-clone then", r.name, "kind=Optional")
    if r.disk then
      add("pcs constraint colocation add", r.name, "with", quoted(r.disk), "INFINITY")
      add("pcs constraint order", quoted(r.disk), "then", r.name)
    end
  end
  return table.concat(lines, "\n")
end

---- XML ----------------------------------------------------------------------------------------

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

-- <name a="1" b="2">children</name>; attributes in the order given: { "a", 1, "b", 2 }.
local function element(name, attributes, children)
  local words = { "<" .. name }
  for i = 1, #attributes, 2 do
    words[#words + 1] = (' %s="%s"'):format(attributes[i],
      (tostring(attributes[i + 1]):gsub("[&<>\"]", ENTITIES)))
  end
  if not children or #children == 0 then
    words[#words + 1] = "/>"
    return table.concat(words)
  end
  local inner = table.concat(children, "\n"):gsub("([^\n]+)", "  %1")
  return table.concat(words) .. ">\n" .. inner .. "\n</" .. name .. ">"
end

local function nvpairs(kind, id, list)
  local children = {}
  for i, pair in ipairs(list) do
    children[i] = element("nvpair",
      { "id", id .. "-" .. pair[1], "name", pair[1], "value", pair[2] })
  end
  return element(kind, { "id", id }, children)
end

local function operations_of(id, operations)
  local children = {}
  for i, op in ipairs(operations) do
    local interval = seconds(op.interval or 0)
    children[i] = element("op", {
      "id", ("%s-%s-%s"):format(id, op.name, interval), "name", op.name, "interval", interval,
      "timeout", seconds(op.timeout),
    })
  end
  return element("operations", {}, children)
end

local function primitive(id, kind, attributes, operations, meta)
  local children = { nvpairs("instance_attributes", id .. "-parameters", attributes),
    operations_of(id, operations) }
  if meta then
    children[#children + 1] = nvpairs("meta_attributes", id .. "-meta", meta)
  end
  return element("primitive",
    { "id", id, "class", "ocf", "provider", "takeover", "type", kind }, children)
end

local function constraints_of(r)
  local list = {}
  for _, node in ipairs(r.never_on) do
    list[#list + 1] = element("rsc_location", {
      "id", r.name .. "-never-on-" .. node, "rsc", r.name, "node", node, "score", "-INFINITY",
    })
  end
  local rule = r.name .. "-needs-a-device"
  list[#list + 1] = element("rsc_location", { "id", rule, "rsc", r.name }, {
    element("rule", { "id", rule .. "-rule", "score", "-INFINITY" }, {
      element("expression", {
        "id", rule .. "-expression", "attribute", r.attribute, "operation", "eq", "value", 0,
        "type", "number",
      }),
    }),
  })
  list[#list + 1] = element("rsc_order", {
    "id", r.name .. "-after-devices", "first", "takeover-devices-clone", "then", r.name,
    "kind", "Optional",
  })
  if r.disk then
    list[#list + 1] = element("rsc_colocation", {
      "id", r.name .. "-with-disk", "rsc", r.name, "with-rsc", r.disk, "score", "INFINITY",
    })
    list[#list + 1] = element("rsc_order", {
      "id", r.name .. "-after-disk", "first", r.disk, "then", r.name,
    })
  end
  return list
end

local function xml(resources, devices)
  local things, constraints = {}, {}
  things[1] = element("clone", { "id", "takeover-devices-clone" }, {
    nvpairs("meta_attributes", "takeover-devices-clone-meta", { { "interleave", "true" } }),
    primitive("takeover-devices", "devices", devices.attributes, {
      { name = "monitor", interval = ATTRIBUTES_INTERVAL, timeout = MONITOR_TIMEOUT },
    }),
  })
  for _, r in ipairs(resources) do
    things[#things + 1] = primitive(r.name, "vm", r.attributes, r.operations, {
      { "resource-stickiness", STICKINESS }, { "failure-timeout", seconds(FAILURE_TIMEOUT) },
    })
    table.move(constraints_of(r), 1, 100, #constraints + 1, constraints)
  end
  return element("cib", {}, {
    element("configuration", {}, {
      element("crm_config", {}, {
        nvpairs("cluster_property_set", "cib-bootstrap-options", { { "stonith-enabled", "true" } }),
      }),
      element("resources", {}, things),
      element("constraints", {}, constraints),
    }),
  })
end

function M.run(arguments, program)
  local s = session.open(arguments, program)
  local names = #arguments.vm > 0 and arguments.vm or schema.sorted_keys(s.parameters.vms)
  if arguments.disk and #names ~= 1 then
    failure.raise({
      code = "USAGE", message = "--disk is one machine's: name that machine",
    })
  end
  local options = {
    parameters = arguments.server_parameters or s.parameters.file, state = arguments.server_state,
    disk = arguments.disk,
  }
  local resources = {}
  for i, name in ipairs(names) do
    s:vm(name)
    resources[i] = describe(s.parameters, name, options)
  end
  local devices = { attributes = { { "parameters", options.parameters } } }
  if options.state then
    devices.attributes[2] = { "state", options.state }
  end
  local text = (arguments.format == "xml" and xml or pcs)(resources, devices)
  for line in text:gmatch("[^\n]+") do
    output.line("%s", line)
  end
  output.document({
    command = "pacemaker config", vms = names, format = arguments.format, text = text,
    exit_code = exit_codes.ok,
  })
  return exit_codes.ok
end

return M

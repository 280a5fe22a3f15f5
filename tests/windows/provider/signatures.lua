-- takeover run signatures.lua > FILE: the classes of the lab, with the types of their properties
-- and parameters, in the form that the test provider reads (schema.c).
local namespaces = { require("lab.cim.virtualization"), (require("lab.cim.cimv2")) }

-- What is text for WMI, though it carries an instance.
local TYPES = { embedded = "string", instance = "object" }

local function field(kind, entry)
  print(("%s %s%s %s"):format(kind, TYPES[entry.type] or entry.type, entry.array and "[]" or "",
    entry.name))
end

for _, namespace in ipairs(namespaces) do
  for _, name in ipairs(namespace.names) do
    local class = namespace.by_name[name:lower()]
    print(("class %s %s"):format(namespace.name, class.name))
    for _, property in ipairs(class.properties) do
      field("property", property)
    end
    local methods = {}
    for method in pairs(class.methods) do
      methods[#methods + 1] = method
    end
    table.sort(methods)
    for _, method in ipairs(methods) do
      print("method " .. method)
      for _, parameter in ipairs(class.methods[method].ins) do
        field("in", parameter)
      end
      for _, parameter in ipairs(class.methods[method].outs) do
        field("out", parameter)
      end
    end
  end
end

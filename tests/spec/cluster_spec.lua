-- What a cluster engine's word on another node is worth (failover.cluster).
local cluster = require("failover.cluster")
local pacemaker = require("failover.cluster.pacemaker")

-- crm_mon -1 --output-as=xml, as Pacemaker 2.1.5 writes it, as far as it is read.
local function answer(node, options)
  options = options or {}
  return ([[
<pacemaker-result api-version="2.25" request="crm_mon -1 --output-as=xml">
  <summary>
    <current_dc present="true" name="ms2" with_quorum="%s"/>
    <cluster_options stonith-enabled="%s" maintenance-mode="%s"/>
  </summary>
  <nodes>
    <node name="ms1" %s/>
    <node name="ms2" online="true" standby="false" pending="false" unclean="false"/>
  </nodes>
  %s
</pacemaker-result>]]):format(options.quorum or "true", options.fencing or "true",
    options.maintenance or "false", node, options.history or "")
end

local GONE = 'online="false" standby="false" pending="false" unclean="false"'
local FENCED = '<fence_history><fence_event target="ms1" action="reboot" status="success" '
  .. 'completed="2026-11-29 18:49:37Z"/></fence_history>'

describe("Pacemaker's word on another node", function()
  it("counts where it is offline, not unclean, and fencing is on", function()
    local seen = pacemaker.read(answer(GONE), "ms1")
    assert.is_true(seen.down)
    assert.are.equal("Pacemaker shows ms1 offline", seen.says)
  end)

  it("says when the node was fenced", function()
    local seen = pacemaker.read(answer(GONE, { history = FENCED }), "MS1")
    assert.is_true(seen.down)
    assert.are.equal("Pacemaker shows ms1 offline, fenced 2026-11-29 18:49:37Z", seen.says)
  end)

  for what, text in pairs({
    ["the node is online"] = answer('online="true" pending="false" unclean="false"'),
    ["the node is unclean"] = answer('online="false" pending="false" unclean="true"'),
    ["the node is pending"] = answer('online="false" pending="true" unclean="false"'),
    ["it does not say whether the node is unclean"] = answer('online="false" pending="false"'),
    ["it says nothing of the node but its name"] = answer(""),
    ["fencing is off"] = answer(GONE, { fencing = "false" }),
    ["this side has no quorum"] = answer(GONE, { quorum = "false" }),
    ["the node may have left in maintenance mode"] = answer(GONE, { maintenance = "true" }),
    ["it has no summary"] = '<r><nodes><node name="ms1" ' .. GONE .. "/></nodes></r>",
    ["it knows no such node"] = answer(GONE):gsub("ms1", "ms7"),
    ["the fencing failed"] = answer('online="false" pending="false" unclean="true"', {
      history = FENCED:gsub("success", "failed"),
    }),
  }) do
    it("is no evidence where " .. what, function()
      assert.is_false(pacemaker.read(text, "ms1").down)
    end)
  end

  it("is no evidence where crm_mon is not there", function()
    assert.is_false(cluster.open("pacemaker", {}):peer("ms1").down)
  end)
end)

describe("the cluster engine", function()
  it("is EXPRESSCLUSTER, whose failover event is evidence", function()
    assert.is_true(cluster.open("ecx", { event = "failover" }):peer("ms1").down)
    assert.is_nil(cluster.open("ecx", { event = "start" }):peer("ms1"))
  end)

  it("is none, which knows nothing and stops nothing", function()
    local none = cluster.open("none", { event = "failover" })
    assert.is_nil(none:peer("ms1"))
    assert.is_false(none:stop_group("g"))
  end)

  it("has one of three names", function()
    local ok, failed = pcall(cluster.open, "wsfc", {})
    assert.is_false(ok)
    assert.are.equal("CONFIG", failed.code)
  end)
end)

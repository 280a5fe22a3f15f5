local wql = require("lab.wql")

local function subject(values, classes)
  local lower = {}
  for name, value in pairs(values) do
    lower[name:lower()] = value
  end
  return {
    get = function(name)
      return lower[name:lower()]
    end,
    isa = function(class)
      for _, name in ipairs(classes or {}) do
        if name:lower() == class:lower() then
          return true
        end
      end
      return false
    end,
  }
end

local vm = subject({
  Name = "11B1C2D3-0000-4000-8000-00000000ABCD", ElementName = "計算 ノード #1 (GPU)",
  EnabledState = 2, Caption = "Virtual Machine", InstanceID = [[Microsoft:11B1\Default]],
  GuestControlledCacheTypes = true, Quoted = "it's", Big = "18446744073709551615",
}, { "Msvm_ComputerSystem", "CIM_ComputerSystem" })

local function holds(where)
  local query, why = wql.parse("SELECT * FROM Msvm_ComputerSystem WHERE " .. where)
  assert(query, why)
  return wql.matches(query, vm)
end

describe("wql", function()
  it("reads class, columns and keywords in any case", function()
    local query = assert(wql.parse("select Name, enabledstate From Msvm_ComputerSystem"))
    assert.are.equal("select", query.kind)
    assert.are.equal("Msvm_ComputerSystem", query.class)
    assert.are.same({ "Name", "enabledstate" }, query.columns)
    assert.is_nil(assert(wql.parse("SELECT * FROM X")).columns)
  end)

  it("compares numbers, booleans and texts without case", function()
    for _, where in ipairs({
      "EnabledState = 2", "EnabledState<>3", "EnabledState != 3", "EnabledState < 3",
      "EnabledState >= 2",
      "2 = EnabledState", "3 > EnabledState", "EnabledState = '2'", "enabledstate = 2",
      "Caption = 'virtual machine'", 'Caption = "Virtual Machine"',
      "GuestControlledCacheTypes = TRUE",
      "GuestControlledCacheTypes <> false", "ElementName = '計算 ノード #1 (GPU)'",
      "Caption > 'Virtual'",
    }) do
      assert.is_true(holds(where), where)
    end
    for _, where in ipairs({
      "EnabledState = 3", "EnabledState > 2", "Caption = 'Virtual'",
      "GuestControlledCacheTypes = FALSE",
      "3 < EnabledState", "Caption <> 'VIRTUAL machine'",
    }) do
      assert.is_false(holds(where), where)
    end
  end)

  it("binds AND closer than OR, and NOT closest", function()
    assert.is_true(holds("EnabledState = 2 OR EnabledState = 3 AND Caption = 'no'"))
    assert.is_false(holds("(EnabledState = 2 OR EnabledState = 3) AND Caption = 'no'"))
    assert.is_true(holds("NOT EnabledState = 3 AND NOT (Caption = 'no')"))
    assert.is_false(holds("NOT (NOT EnabledState = 3)"))
  end)

  it("knows null", function()
    assert.is_true(holds("Missing IS NULL"))
    assert.is_true(holds("Missing = NULL"))
    assert.is_true(holds("Name IS NOT NULL"))
    assert.is_false(holds("Missing = 1"))
    assert.is_false(holds("Missing <> 1"))
    assert.is_false(holds("Missing LIKE '%'"))
  end)

  it("matches LIKE patterns", function()
    for _, where in ipairs({
      "Name LIKE '11b1%'", "Name LIKE '%abcd'", "Name LIKE '%-4000-%'",
      "ElementName LIKE '計_ ノード #1 (GPU)'",
      "ElementName LIKE '__ ノード%'", "Caption LIKE 'V[a-i]rtual%'", "Caption LIKE 'V[^x]rtual%'",
      "Caption LIKE '[a=z]irtual Machine'", [[InstanceID LIKE '%\\Default']], "Name NOT LIKE 'x%'",
    }) do
      assert.is_true(holds(where), where)
    end
    for _, where in ipairs({
      "Name LIKE '11b1'", "Caption LIKE 'V.rtual%'", "ElementName LIKE '_ ノード%'",
      "Caption LIKE 'V[^i]rtual%'",
      [[InstanceID LIKE '%\\Defaul']], "EnabledState LIKE '2'",
    }) do
      assert.is_false(holds(where), where)
    end
  end)

  it("does not take for ever over many wildcards", function()
    assert.is_false(wql.like(("a"):rep(500), ("%a"):rep(30) .. "b"))
  end)

  it("reads escapes in texts", function()
    assert.is_true(holds([[Quoted = 'it\'s']]))
    assert.is_true(holds([[Quoted = "it's"]]))
    assert.is_true(holds([[InstanceID = 'Microsoft:11B1\\Default']]))
  end)

  it("asks for the class with ISA", function()
    assert.is_true(holds([[__this ISA "CIM_ComputerSystem"]]))
    assert.is_false(holds([[__this ISA "CIM_Job"]]))
  end)

  it("reads ASSOCIATORS OF and REFERENCES OF", function()
    local path = [[\\H\root\virtualization\v2:Msvm_ConcreteJob.InstanceID="a}b\"c"]]
    local query = assert(wql.parse("ASSOCIATORS OF {" .. path .. "} WHERE AssocClass=" ..
      "Msvm_AffectedJobElement ResultClass = Msvm_PlannedComputerSystem Role=Antecedent"))
    assert.are.equal("associators", query.kind)
    assert.are.equal(path, query.path)
    assert.are.equal("Msvm_AffectedJobElement", query.assoc_class)
    assert.are.equal("Msvm_PlannedComputerSystem", query.result_class)
    assert.are.equal("Antecedent", query.role)
    query = assert(wql.parse("REFERENCES OF {A.B=1} WHERE ResultClass=C"))
    assert.are.equal("references", query.kind)
    assert.are.equal("C", query.result_class)
  end)

  it("names every property that a query mentions", function()
    local query = assert(wql.parse("SELECT A FROM X WHERE B=1 AND (C LIKE '%' OR NOT D IS NULL)"))
    assert.are.same({ "A", "B", "C", "D" }, wql.properties(query))
  end)

  it("refuses what is not WQL and says why", function()
    for _, text in ipairs({
      "", "SELECT", "SELECT * Msvm_X", "SELECT * FROM", "SELECT * FROM X WHERE",
      "SELECT * FROM X WHERE A",
      "SELECT * FROM X WHERE A =", "SELECT * FROM X WHERE A = 1 B", "SELECT * FROM X WHERE (A = 1",
      "SELECT * FROM X WHERE A = 'x", [[SELECT * FROM X WHERE A = 'C:\x']], "SELECT A, FROM X",
      "SELECT * FROM X; DROP", "UPDATE X", "ASSOCIATORS {A}", "ASSOCIATORS OF {A",
      "ASSOCIATORS OF {}",
      "ASSOCIATORS OF {A.B=1} WHERE Foo=Bar", "SELECT * FROM X WHERE A < NULL",
      "SELECT * FROM X WHERE A IS 1",
      "SELECT * FROM X WHERE " .. ("("):rep(100) .. "A=1" .. (")"):rep(100),
    }) do
      local query, why = wql.parse(text)
      assert.is_nil(query, text)
      assert.is_string(why, text)
    end
  end)
end)

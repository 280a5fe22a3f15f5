-- Written by takeover replay --export of a run against the lab; the sequence was added by hand.
story "A recorded run whose last step fails goes the same way again, with two branches and undo"

local run = recorded("recorded-undo.record.json", {
  sequence_file = "../fixtures/replay/small.lua",
})
expect(run, {
  exit = "failed",
  code = "NOT_REACHED",
  steps = {
    ["machine not running"] = "already",
    ["device connected"] = "done",
    ["device visible"] = "done",
    ["enough devices"] = "failed",
  },
  undone = true,
  changes = 2,
  says = "connected by the small sequence",
})

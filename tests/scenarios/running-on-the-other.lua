story "The VM runs on ms2 already: start on ms1 refuses, whatever the cluster says, and changes nothing"

move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
local before = changes()
expect(start("vme2", "ms1", { event = "failover", evidence = "ms2 is off" }), {
  exit = "refused", says = "running on ms2", changes = 0,
})
expect_unchanged(before)

story "ms1 hangs with the GPU in its group; an operator's word lets ms2 take it, and the word is written down"

local first = launch("start", "vme2", "ms1")
when({ step = "GPU dismounted from this node", by = "ms1 start" }, function()
  crash(first)
end)
expect(first:wait(), { exit = "killed" })
partition "ms1"
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "refused", code = "NO_EVIDENCE" })
expect(start("vme2", "ms2", { evidence = "ms1 is off, seen by Sato" }), { exit = "ok", says = "Sato" })
expect_running("vme2", "ms2")

story "The VM is just starting on ms2: start on ms1 refuses, it would run twice"

move_disk "ms2"
local first = launch("start", "vme2", "ms2")
when({ step = "GPU assigned to the VM", by = "ms2 start" }, function()
  at(1, function()
    expect(start("vme2", "ms1"), { exit = "refused", says = "on ms2" })
  end)
end)
expect(first, { exit = "ok" })
expect_running("vme2", "ms2")

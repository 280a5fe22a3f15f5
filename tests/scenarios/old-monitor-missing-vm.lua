story "An old script's fault: a missing VM is not reported healthy, nor is a paused or saved one"

expect(monitor("vme2", "ms2"), { exit = "stopped" })
expect(start("vme2", "ms1"), { exit = "ok" })
for _, state in ipairs { 9, 6 } do
  world():node("ms1").hyperv:request_state("7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42", state)
  wait(10)
  expect(monitor("vme2", "ms1"), { exit = "broken" })
end

story "The node lacks memory for the VM: the start fails with that reason, the GPU is taken back"

cluster { vms = { vme2 = { prepared = true, memory = 131072 } } }
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "VM running", says = "not enough memory", undone = true,
})
wait(2)
expect_device("0x8cdf9d911c60", "free")

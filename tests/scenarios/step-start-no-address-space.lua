story "The VM's address space is too small for the GPU: the start fails with that reason"

cluster { vm = { mmio = { low = "128MiB", high = "512MiB" } } }
expect(start("vme2", "ms1"), {
  exit = "failed", failed_at = "VM running", says = "memory mapped I/O space is too small", undone = true,
})

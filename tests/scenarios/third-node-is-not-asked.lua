story "A third and a fourth node, on which the VM may not run, refuse the password and the account: that stops nobody"

cluster { base = "quad", parameters = [[return {
  eem = { url = "http://192.168.0.150:30500/eem", user = "admin", password = secret "eem" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 }, ms3 = { group_id = 250 }, ms4 = { group_id = 350 } },
  devices = { ["0x8cdf9d911c60"] = { name = "gpu1", vendor = "10de", device = "1f08" } },
  vms = { vme2 = {
    path = "G:\\Hyper-V\\vme2", nodes = { "ms1", "ms2" }, gpus = { { id = "0x8cdf9d911c60" } },
    mmio = { low = "3GiB", high = "33280MiB" },
  } },
}]] }
fault { target = "ms3", match = {}, effect = "error", http = 401 }
fault { target = "ms4", match = {}, effect = "error", http = 403 }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok" })
-- One of its devices is to be taken: then it is asked.
admin("device", { id = "0x8cdf9d911c60", group_id = 250 })
wait(5)
expect(start("vme2", "ms1"), { exit = "configuration", code = "WMI_AUTH", changes = 0 })
admin("device", { id = "0x8cdf9d911c60", group_id = 4093 })
wait(5)
-- It may run everywhere: all are asked.
parameters().vms.vme2.nodes = nil
expect(start("vme2", "ms1"), { exit = "configuration", code = "WMI_AUTH", changes = 0 })

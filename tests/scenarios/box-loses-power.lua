story "An I/O box loses power while both servers live: the inventory says so, start does, too, and starts when it is back"

cluster {
  base = require("lab.clusters.fleet"),
  parameters = [[return {
    eem = { url = "http://192.168.0.150:30500/eem", auth = "none" },
    nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
    devices = {
      ["0x8cdf9d920101"] = { name = "a1", box = "box1" },
      ["0x8cdf9d920103"] = { name = "a3", box = "box1" },
    },
    vms = { train1 = { path = "G:/Hyper-V/train1", gpus = { { id = "0x8cdf9d920101" } } } },
  }]],
  vms = {},
}
local A1 = "0x8cdf9d920101"
expect_listed(A1, { state = "held", node = "ms1", vm = "train1", use = "used" })
allow "I1" -- the card leaves a running machine, by no fault of Takeover's
admin("box", { box = "box1", power = "off" })
wait(10)
expect_listed(A1, { state = "held", node = "ms1", power = "off", vm = false, why = "its slot has no power" })
expect_vm_listed("train1", { state = "off", gone = 1, guessed = true })
expect(start("train1", "ms1"), { exit = "failed", says = "has no power" })
admin("box", { box = "box1", power = "on" })
wait(30)
expect(start("train1", "ms1"), { exit = "ok" })
expect_listed(A1, { state = "held", node = "ms1", vm = "train1", use = "used" })

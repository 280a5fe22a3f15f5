story "Asked for by description, the first card's link never comes: it is given back, and another one is taken in the same run"

cluster {
  parameters = {
    eem = { connect_within = 20 }, devices = { ["0x8cdf9d911c60"] = { vendor = "10de", device = "1f08" } },
  },
  vm = { gpus = { { vendor = "10de" } } },
}
world():set_latency("link", 100000)
at(19, function()
  world():set_latency("link", 3)
end)
expect(start("vme2", "ms1"), { exit = "ok", says = "0x8cdf9d911c60 is in quarantine for 600 s" })
expect_device("0x8cdf9d911c60", "free")
expect_device("0x8cdf9d911c62", "ms1")
expect_running("vme2", "ms1")

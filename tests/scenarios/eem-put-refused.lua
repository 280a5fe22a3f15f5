story "ExpEther Manager refuses the change of the group: everything is taken back, its words are said"

fault { target = "eem", match = { verb = "PUT" }, effect = "error", http = 400, text = "not permitted" }
expect(start("vme2", "ms1"), {
  exit = "failed", code = "EEM_REFUSED", says = "not permitted", failed_at = "GPU connected to this node",
})
expect_device("0x8cdf9d911c60", "free")

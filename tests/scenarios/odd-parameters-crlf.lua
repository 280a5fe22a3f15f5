story "Odd names: parameters with CRLF, a byte order mark and other spellings of path and ids: the same result"

cluster {
  parameters = "\xef\xbb\xbf" .. ([[
return {
  eem = { url = "http://192.168.0.150:30500/eem", auth = "none" },
  nodes = { ms1 = { group_id = 50 }, ms2 = { group_id = 150 } },
  vms = {
    vme2 = {
      path = "g:/hyper-v/VME2/", id = "{7a0e5f2c-3b61-4c1d-9e57-5d2b8c6f1a42}",
      gpus = { { id = "0x8CDF9D911C60" } }, mmio = { low = "3072MiB", high = "33280MiB" },
    },
  },
}
]]):gsub("\n", "\r\n"),
}
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
move_disk "ms2"
expect(start("vme2", "ms2"), { exit = "ok" })
expect_running("vme2", "ms2")

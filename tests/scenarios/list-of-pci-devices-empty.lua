story "Plug and play of ms1 shows no PCI device at all while vme2 is started: the healthy card is not quarantined for that"

fault { target = "ms1", effect = "empty", match = { class = "Win32_PnPEntity" } }
expect(start("vme2", "ms1"), { exit = "failed", undone = true, says = "shows no PCI device at all" })
wait(10)
expect_device("0x8cdf9d911c60", "free")
expect_listed("0x8cdf9d911c60", { state = "free" })
heal()
expect(start("vme2", "ms1"), { exit = "ok" })

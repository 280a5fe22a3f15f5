story "The monitor's account lacks the rights: broken, because waiting does not help, and the reason is said"

expect(start("vme2", "ms1"), { exit = "ok" })
fault { target = "ms1", match = {}, effect = "error", hresult = 0x80041003, text = "access denied" }
expect(monitor("vme2", "ms1"), { exit = "broken", says = "access denied" })

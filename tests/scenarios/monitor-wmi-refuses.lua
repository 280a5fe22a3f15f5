story "The monitor's account lacks the rights: its VM may well be healthy, so that is unknown, and the reason is said once"

expect(start("vme2", "ms1"), { exit = "ok" })
fault { target = "ms1", match = {}, effect = "error", hresult = 0x80041003, text = "access denied" }
expect(monitor("vme2", "ms1"), { exit = "unknown", says = "access denied" })

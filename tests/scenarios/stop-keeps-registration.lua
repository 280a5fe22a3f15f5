story "With unregister_on_stop = false the registration stays, and the next start here uses it"

cluster { vm = { unregister_on_stop = false } }
expect(start("vme2", "ms1"), { exit = "ok" })
expect(stop("vme2", "ms1"), { exit = "ok", warnings = 0 })
expect_registered("vme2", "ms1")
expect(start("vme2", "ms1"), { exit = "ok" })
expect_made("import", 0)

story "A BIOS update has moved the card to another place than declared: said with both places, and the healthy card is not quarantined"

cluster { parameters = { devices = { ["0x8cdf9d911c60"] = {
  vendor = "10de", device = "1f08", locations = { ms1 = "PCIROOT(3A)#PCI(0000)#PCI(0000)#PCI(0900)#PCI(0000)" },
} } } }
local run = start("vme2", "ms1")
expect(run, { exit = "failed", failed_at = "GPU visible on this node", says = "a 10de:1f08 is at PCIROOT(3A)#PCI(0000)#", undone = true })
expect(run, { says = 'locations.ms1 of gpu1 (0x8cdf9d911c60) says "PCIROOT(3A)#PCI(0000)#PCI(0000)#PCI(0900)#PCI(0000)"' })
expect(run, { never_says = "quarantine" })
parameters().devices["0x8cdf9d911c60"].locations = {}
expect(start("vme2", "ms1"), { exit = "ok", never_says = "quarantine" })

local vm_access = require("failover.vm.access")

describe("the rights of a virtual machine on its files", function()
  it("are named by a SID that is made of the bytes of its GUID", function()
    assert.are.equal("S-1-5-83-1-1-131074-67305985-134678021",
      vm_access.sid("00000001-0002-0002-0102-030405060708"))
    assert.are.equal("S-1-5-83-1-2047762220-1276984161-727537566-1109028748",
      vm_access.sid("7A0E5F2C-3B61-4C1D-9E57-5D2B8C6F1A42"))
  end)

  it("are given by one line", function()
    assert.are.equal('icacls "G:\\b\\x.vhdx" /grant *S-1-5-83-1-1-131074-67305985-134678021:(R,W)',
      vm_access.line("00000001-0002-0002-0102-030405060708", [[G:\b\x.vhdx]]))
  end)
end)

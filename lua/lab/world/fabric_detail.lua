-- A device of the simulated fabric as EEM's REST interface shows it: every scalar a text, the
-- hardware's numbers in hexadecimal without padding (docs/facts/ecx-eem.md#3.3).
local NO_MAC = "00:00:00:00:00:00"

local function mac(id)
  return (id:gsub("^0x", ""):gsub("%x%x", "%0:", 5))
end

local function up(yes)
  return yes and "up" or "down"
end

local function hex(text)
  return string.format("0x%x", tonumber(text, 16))
end

local function common_detail(device)
  return {
    id = device.id,
    status = device.kind == "io" and "eeio" or "eesv",
    update_time = string.format("%d", device.update_time),
    admin_status = device.enabled and "enabled" or "disabled",
    monitoring_status = "enabled",
    notification_status0 = { up(device.reachable), "down" },
    notification_status1 = { up(device.reachable), "down" },
    mac_address = device.mac,
    multi_mac_addresses = "disabled",
    group_id = string.format("%d", device.group_id),
    type = device.type,
    encryption = {},
    vlan_tagging = "enabled",
    uid_switch_status = device.led,
    power_status = device.shown_power or device.power,
    pcie_link_width = "x8",
    interrupt_vector = "0",
    ee_version = "v1.0",
    device_id = "0x0",
    revision = "0x0",
    fpga_version = "0x0",
    eeprom_data_version = "0x0",
    serial_number = device.serial,
    model = device.model,
    link_status0 = up(device.reachable),
    link_status1 = up(device.reachable),
  }
end

-- The object that REST shows.
return function(_, device)
  local detail = common_detail(device)
  if device.kind == "io" then
    local card = device.bridge or device.functions and device.functions[1]
    local shown = device.type ~= "10g" and card -- 10G slots do not tell what card they have
    local linked = up(device.board ~= nil)
    detail.path_status0, detail.path_status1 = linked, linked
    detail.eesv_connection_status = linked
    detail.eesv_mac_address = device.board and mac(device.board) or NO_MAC
    detail.pcie_connection_status = up(card ~= nil and device.power == "on")
    detail.pcie_vendor_id = shown and hex(shown.vendor) or "0x0"
    detail.pcie_device_id = shown and hex(shown.device) or "0x0"
    detail.pcie_class_code = shown and hex(shown.class) or "0x0"
    return detail
  end
  local ports = {}
  for number = 1, device.max_devices do
    local port = device.ports[number]
    ports[number] = {
      downstream_port_id = string.format("%d", number),
      eeio_connection_status = up(port and port.up),
      eeio_mac_address = port and mac(port.device) or NO_MAC,
    }
  end
  detail.max_eeio_count = string.format("%d", device.max_devices)
  detail.eesv_type = "host"
  detail.host_serial_number = ""
  detail.host_model = ""
  detail.compatibility = "disabled"
  detail.downstream_ports = ports
  return detail
end

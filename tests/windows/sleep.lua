-- The program that specs use where Linux has sleep.
require("host.scheduler").sleep(tonumber((...)))

# version of the Debian package; nil: the newest
default['deploydb']['version'] = nil
# settings of all processes, `DEPLOYDB_…`
default['deploydb']['settings'] = {}

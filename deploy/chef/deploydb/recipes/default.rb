# A new configuration, files/config of the cookbook, is laid down beside the one in force. `deploydb check-config` reads
# it: where it finds an error the run fails, and the processes keep the old one. Else it takes its place, and the
# processes read it at once.
staged = '/etc/deploydb/config.new'
live = '/etc/deploydb/config'

package 'deploydb' do
  version node['deploydb']['version'] if node['deploydb']['version']
end

# only processes that run: passwords and the migration come first
execute 'reload deploydb' do
  command "systemctl reload 'deploydb-worker@*.service'"
  action :nothing
end

execute 'restart deploydb' do
  command "systemctl try-restart 'deploydb-worker@*.service'"
  action :nothing
end

file '/etc/deploydb/deploydb.env' do
  content node['deploydb']['settings'].map { |name, value| "#{name}=#{value}\n" }.join
  mode '0640'
  notifies :run, 'execute[restart deploydb]'
end

remote_directory staged do
  source 'config'
  group 'deploydb'
  files_group 'deploydb'
  purge true
end

# `not_if` and no notification: the next run tries again what a run has not done
execute 'take the configuration' do
  command [
    "deploydb check-config #{staged}",
    "rm -rf #{live}.part #{live}.old",
    "cp -a #{staged} #{live}.part",
    "{ [ ! -e #{live} ] || mv #{live} #{live}.old; }",
    "mv #{live}.part #{live}"
  ].join(' && ')
  not_if "diff -r #{staged} #{live}"
  notifies :run, 'execute[reload deploydb]'
end

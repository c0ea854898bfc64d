# DeployDB from its package, with a configuration that is checked before it is in force.
#
# A new configuration is laid down beside the one in force. `deploydb check-config` reads it: where it finds an error the
# run fails, and the processes keep the old one. Else it takes its place, and the processes read it at once.
#
# @param version    Version of the Debian package, or `installed`.
# @param config     Where the files of the configuration come from.
# @param settings   Settings of all processes, `DEPLOYDB_…`.
class deploydb (
  String[1]            $version   = 'installed',
  String[1]            $config    = 'puppet:///modules/deploydb/config',
  Hash[String, String] $settings  = {},
) {
  $staged = '/etc/deploydb/config.new'
  $live = '/etc/deploydb/config'

  package { 'deploydb':
    ensure => $version,
  }

  file { '/etc/deploydb/deploydb.env':
    content => $settings.map |$name, $value| { "${name}=${value}\n" }.join(''),
    mode    => '0640',
    require => Package['deploydb'],
    notify  => Exec['restart deploydb'],
  }

  file { $staged:
    ensure  => directory,
    source  => $config,
    recurse => true,
    purge   => true,
    force   => true,
    group   => 'deploydb',
    require => Package['deploydb'],
  }

  # `unless` and not `refreshonly`: the next run tries again what a run has not done
  exec { 'take the configuration':
    command  => join([
      "deploydb check-config ${staged}",
      "rm -rf ${live}.part ${live}.old",
      "cp -a ${staged} ${live}.part",
      "{ [ ! -e ${live} ] || mv ${live} ${live}.old; }",
      "mv ${live}.part ${live}",
    ], ' && '),
    unless   => "diff -r ${staged} ${live}",
    provider => shell,
    path     => ['/usr/bin', '/bin'],
    require  => File[$staged],
    notify   => Exec['reload deploydb'],
  }

  # only processes that run: passwords and the migration come first
  exec {
    default:
      path        => ['/usr/bin', '/bin'],
      refreshonly => true;
    'reload deploydb':
      command => "systemctl reload 'deploydb-worker@*.service'";
    'restart deploydb':
      command => "systemctl try-restart 'deploydb-worker@*.service'";
  }
}

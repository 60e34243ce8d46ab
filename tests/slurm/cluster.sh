#!/usr/bin/env bash
# A Slurm cluster of two nodes on this one machine, for tests; n1 has a GPU, which is none. As root,
# on Debian, whose Slurm lets several slurmd run on a machine; no systemd, cgroups or accounting.
#
#   cluster.sh install | start | stop | status
#   cluster.sh kill-node n1      its daemon and all that its jobs run die at once, as in a crash
#   cluster.sh start-node n1
#   cluster.sh stop-controller | start-controller
#
# Everything lies in one folder, but for links in /etc/slurm: jobs look for the configuration there.
set -euo pipefail

folder=/tmp/stemjax-slurm
cluster=stemjax-test  # tells our processes from those of any other Slurm
nodes=(n1 n2)
packages=(munge slurm-client slurmctld slurmd)
files=(slurm.conf gres.conf)
socket=$folder/run/munge.socket
export SLURM_CONF=$folder/slurm.conf PATH=$PATH:/usr/sbin

fail() { echo "cluster.sh: $*" >&2; exit 1; }

wait_until() {  # SECONDS COMMAND...
  local end=$((SECONDS + $1))
  shift
  until "$@" &>/dev/null; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}

# A zombie does not count: in a container nobody may take note of its end.
alive() { grep -qs '^State:.[^ZX]' "/proc/$1/status"; }
pid_of() { cat "$folder/run/$1.pid" 2>/dev/null || echo none; }
ended() { ! alive "$(pid_of "$1")"; }

install() {
  dpkg -s "${packages[@]}" &>/dev/null && return
  [ "$(id -u)" = 0 ] || fail "these Debian packages are needed, and root to install them: ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

configure() {
  mkdir -p "$folder"/{run,log,state,bin}
  chmod 755 "$folder" "$folder/run"
  echo "NodeName=n1 Name=gpu File=/dev/null" >"$folder/gres.conf"
  # More memory than there is: what jobs ask for, not what they use.
  local node="NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000"
  cat >"$folder/slurm.conf" <<CONF
ClusterName=$cluster
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
# For as long as credentials last, a job of a lost node is held back.
AuthInfo=socket=$socket,cred_expire=15
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/%n.log
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# The memory limit, by looking every two seconds.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=task=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=100000,bf_interval=5
# A lost node is noticed soon, and comes back by itself.
SlurmdTimeout=10
ReturnToService=2
# Jobs that ended are still shown: there is no accounting.
MinJobAge=3600
KillWait=5
CompleteWait=0
InactiveLimit=0
PropagateResourceLimits=NONE
AccountingStorageType=accounting_storage/none
GresTypes=gpu
NodeName=n1 Port=17001 $node Gres=gpu:1
NodeName=n2 Port=17002 $node
PartitionName=cpu Nodes=ALL Default=YES
PartitionName=gpu Nodes=n1
CONF
  # Where the controller is away, Snakemake asks the accounting, which goes on answering. There is
  # none here: what stands for it answers when the controller is back.
  cat >"$folder/bin/sacct" <<'SACCT'
#!/bin/sh
for name; do :; done
until squeue --states=all --noheader --format='%i|%T' --name="$name"; do sleep 1; done
SACCT
  chmod +x "$folder/bin/sacct"
}

refuse_other_slurm() {
  local file
  for file in "${files[@]}"; do
    [ "$(readlink -f "/etc/slurm/$file")" = "$folder/$file" ] || [ ! -e "/etc/slurm/$file" ] ||
      fail "/etc/slurm/$file belongs to a Slurm of this machine, which is left alone"
  done
}

link() {
  local file
  mkdir -p /etc/slurm
  for file in "${files[@]}"; do ln -sfn "$folder/$file" "/etc/slurm/$file"; done
}

unlink() {
  local file
  for file in "${files[@]}"; do
    [ "$(readlink "/etc/slurm/$file")" != "$folder/$file" ] || rm "/etc/slurm/$file"
  done
}

start_munge() {
  (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
  munged --force --key-file="$folder/munge.key" --socket="$socket" --seed-file="$folder/munge.seed" \
    --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log"
  wait_until 10 munge --socket="$socket" --no-input || fail "munged does not answer"
}

start_controller() {
  slurmctld
  wait_until 30 scontrol ping || fail "slurmctld does not answer: $folder/log/slurmctld.log"
}

start_node() {
  mkdir -p "$folder/spool/$1"
  slurmd -N "$1"
  wait_until 30 idle "$1" || fail "$1 does not come up: $folder/log/$1.log"
}

idle() { sinfo --noheader --nodes="$1" --states=idle --format=%N | grep -q .; }

start() {
  [ "$(id -u)" = 0 ] || fail "root is needed"
  refuse_other_slurm
  stop
  configure
  link
  start_munge
  start_controller
  local node
  for node in "${nodes[@]}"; do start_node "$node"; done
}

# Ask a daemon to end, and end it where it does not.
end() {
  local pid
  pid=$(pid_of "$1")
  alive "$pid" || return 0
  kill "-${2:-TERM}" "$pid"
  wait_until 10 ended "$1" || kill -KILL "$pid"
  rm -f "$folder/run/$1.pid"
}

# All that a node's jobs run, and what watches over them: it has the node's log open.
kill_jobs() {
  local process
  for process in /proc/[0-9]*; do
    if find "$process/fd" -lname "$folder/log/$1.log" 2>/dev/null | grep -q . ||
      { grep -qzx "SLURM_CLUSTER_NAME=$cluster" "$process/environ" &&
        grep -qzx "SLURMD_NODENAME=$1" "$process/environ"; } 2>/dev/null; then
      kill -KILL "${process#/proc/}" 2>/dev/null || true
    fi
  done
}

kill_node() {
  end "$1" KILL
  kill_jobs "$1"
}

stop() {
  local node
  for node in "${nodes[@]}"; do kill_node "$node"; done
  end slurmctld
  end munged
  unlink
  rm -rf "$folder"
}

case ${1:-} in
  install | start | stop) "$1" ;;
  status) sinfo --Node && squeue ;;
  kill-node) kill_node "$2" ;;
  start-node) start_node "$2" ;;
  stop-controller) end slurmctld ;;
  start-controller) start_controller ;;
  *) fail "say install, start, stop, status, kill-node, start-node, stop-controller or start-controller" ;;
esac

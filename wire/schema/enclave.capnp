@0xd6a1f1d0c3a90004;
# Between a node and an enclave process it started.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct Spawn @0xd6a1f1d0c3a90040 {     # answered with Spawned, or Failure (not_found: no such kind)
  kind @0 :Text;
  name @1 :Text;
}
struct Spawned @0xd6a1f1d0c3a90041 { actor @0 :UInt64; }

struct Probe @0xd6a1f1d0c3a90042 {}    # "how are you confined?"
struct Confinement @0xd6a1f1d0c3a90043 {
  pid @0 :UInt32;                      # as seen inside
  namespaces @1 :List(Text);           # own ones: "user", "pid", "net", "mnt", "ipc", "uts"
  seccomp @2 :Bool;
  landlock @3 :UInt32;                 # ABI version in force; 0: none
  dumpable @4 :Bool;
  cgroup @5 :Text;                     # "v1", "v2" or "none"
  noNewPrivileges @6 :Bool;
}

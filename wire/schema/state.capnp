@0xd6a1f1d0c3a90005;
# Verified state: a host and its monitors, and who asks the host.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

# To monitors, by the process that keeps the state for them. Failure with the code "forged" says
# that a monitor refused: nothing is accepted any more.
struct OpenMonitors @0xd6a1f1d0c3a900a0 {  # once; answered with MonitorsOpened
  threads @0 :UInt16;
  nodeSlots @1 :UInt32;                # of each thread
  recordSlots @2 :UInt32;
}
struct MonitorsOpened @0xd6a1f1d0c3a900a1 { instance @0 :Data; }   # 16 bytes
struct MonitorBatch @0xd6a1f1d0c3a900a2 {  # commands for one thread; answered with Verified
  thread @0 :UInt16;
  batch @1 :Data;
}
struct Verified @0xd6a1f1d0c3a900a3 { results @0 :Data; }          # of the batch's calls, in order
struct AwaitEpoch @0xd6a1f1d0c3a900a4 { epoch @0 :UInt32; }        # answered when it is certified
struct EpochCertified @0xd6a1f1d0c3a900a5 { epoch @0 :UInt32; }    # the last certified one

# To a node's state, by a function host or another node; answered with StateAnswered. Both bodies
# are JSON as POST /v1/state/NAMESPACE has it.
struct AskState @0xd6a1f1d0c3a900a6 {
  nameSpace @0 :Text;
  call @1 :Data;
}
struct StateAnswered @0xd6a1f1d0c3a900a7 { answer @0 :Data; }

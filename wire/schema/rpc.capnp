@0xd6a1f1d0c3a90001;
# What every request may be answered with, and what a session says about actors.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct Failure @0xd6a1f1d0c3a90010 {   # the answer that says no: themis::Error on the wire
  code @0 :UInt8;                      # themis::Code
  detail @1 :Text;                     # at most 4,096 bytes; longer ones are cut
}
struct Ack @0xd6a1f1d0c3a90011 {}

struct Echo @0xd6a1f1d0c3a90012 {      # asked of any node: answered with the same bytes
  sequence @0 :UInt64;
  payload @1 :Data;
}

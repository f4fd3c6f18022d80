@0xe3b1a6a1f0c30901;
# What the services of the tests take and give.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::calls");

struct Ask @0xe3b1a6a1f0c30910 {
  text @0 :Text;
  frame @1 :Data;    # a message inside: read by the service
}
struct Told @0xe3b1a6a1f0c30911 {
  text @0 :Text;
  count @1 :UInt64;
  peer @2 :Data;     # who asked, as the service sees it
}
struct Relay @0xe3b1a6a1f0c30912 { service @0 :Text; }
struct Relayed @0xe3b1a6a1f0c30913 { text @0 :Text; }
struct Block @0xe3b1a6a1f0c30914 {}
struct HowLong @0xe3b1a6a1f0c30915 {}
struct Left @0xe3b1a6a1f0c30916 { ms @0 :Int64; }  # until the deadline of the request

@0xd6a1f1d0c3a90007;
# A version of a function that gets a share of its calls.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct HostCanary @0xd6a1f1d0c3a90066 {  # as Host, until it is let go or this process ends; Ack
  name @0 :Text;
  code @1 :Data;                       # 32 bytes
  version @2 :UInt32;
  secretsKey @3 :Data;                 # as in Host
  percent @4 :UInt8;                   # 1 to 50
  sticky @5 :Text;                     # "header:NAME", "cookie:NAME": who keeps it; or none
}

@0xd6a1f1d0c3a90003;
# Deploying, placing and calling functions.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct Limits @0xd6a1f1d0c3a90030 {
  memoryMb @0 :UInt32;
  cpuMs @1 :UInt32;
  wallMs @2 :UInt32;
}
struct FetchCode @0xd6a1f1d0c3a90031 { id @0 :Data; }         # BLAKE2b-256 of the code, 32 bytes
struct CodeBlob @0xd6a1f1d0c3a90032 { source @0 :Data; }

struct Host @0xd6a1f1d0c3a90033 {      # "be an instance of this function"; answered with Ack
  name @0 :Text;
  code @1 :Data;                       # 32 bytes
  version @2 :UInt32;
  secretsKey @3 :Data;                 # opens what is sealed in the code: 32 bytes, or none
}
struct Unhost @0xd6a1f1d0c3a90034 { name @0 :Text; }

struct Header @0xd6a1f1d0c3a90035 { name @0 :Text; value @1 :Text; }
struct Invoke @0xd6a1f1d0c3a90036 {    # one HTTP request for a function
  function @0 :Text;
  code @1 :Data;                       # empty: whatever version is hosted
  method @2 :Text;
  url @3 :Text;                        # absolute, as the handler sees it
  headers @4 :List(Header);
  body @5 :Data;
  event @6 :UInt8;                     # 0: a request; 1: scheduled, 2: queue, whose body says it
  depth @7 :UInt8;                     # functions that called each other until this call
}
struct Outcome @0xd6a1f1d0c3a90037 {   # its response; failures are answered with Failure
  status @0 :UInt16;
  headers @1 :List(Header);
  body @2 :Data;
  cpuUs @3 :UInt32;                    # CPU time the handler used
}

# Parent to function host, on their own session.
struct Load @0xd6a1f1d0c3a90038 {      # answered with Loaded, or Failure (syntax)
  name @0 :Text;
  code @1 :Data;
  source @2 :Data;
  limits @3 :Limits;
  secretsKey @4 :Data;
}
struct Loaded @0xd6a1f1d0c3a90039 { actor @0 :UInt64; }       # the worker's target on this session
struct Unload @0xd6a1f1d0c3a9003a { code @0 :Data; }
struct LogLine @0xd6a1f1d0c3a9003b {   # host to parent, one-way
  function @0 :Text;
  level @1 :UInt8;                     # 0 debug, 1 info, 2 warn, 3 error
  text @2 :Text;
}

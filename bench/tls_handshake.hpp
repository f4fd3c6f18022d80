#pragma once
// OpenSSL's mutual TLS 1.3 between two ends in memory: what a handshake is compared with.

#include <memory>
#include <string_view>

namespace themis::bench {

/// One CA and two certificates it signed, made once. Stops the process when OpenSSL refuses
/// something. One thread.
class TlsPair {
 public:
  /// `key_type`: "P-256" or "ED25519", for the certificates.
  explicit TlsPair(std::string_view key_type);
  ~TlsPair();

  /// One full handshake, both ends verified. Returns the bytes that crossed the wire, both ways.
  size_t handshake();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace themis::bench

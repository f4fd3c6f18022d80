#pragma once
// The file of a caller's own key for verified state, and what it has registered with it.

#include "actors/monitor/state_client.hpp"
#include "actors/system/secret_file.hpp"
#include "apps/themis/commands.hpp"
#include "runtime/net/socket.hpp"

namespace themis::cli {

/// FILE has the key; FILE.calls, without secrets, has for each namespace the run of the monitors
/// that the key is registered with, its store's public key, and the last nonce. Commands that use
/// files of one directory wait for each other: a nonce is used once.
class ClientFile {
 public:
  static Maybe<ClientFile> open(const std::string& path);

  const crypto::DhKey& key() const { return key_; }
  /// Nothing: the namespace was never called.
  Maybe<std::optional<StateSeat>> seat(const std::string& name_space) const;
  /// Durably.
  Outcome keep(const std::string& name_space, const StateSeat& seat) const;
  std::string calls_path() const { return path_ + ".calls"; }

 private:
  ClientFile(std::string path, net::Descriptor lock, crypto::DhKey key)
      : path_(std::move(path)), lock_(std::move(lock)), key_(std::move(key)) {}

  std::string path_;
  net::Descriptor lock_;
  crypto::DhKey key_;
};

}  // namespace themis::cli

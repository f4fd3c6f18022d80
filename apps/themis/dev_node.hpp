#pragma once
// A node for one developer: a mesh of its own on loopback, with data that goes with it.

#include <sys/types.h>

#include "apps/themis/commands.hpp"

namespace themis::cli {

/// So that the address stays from one session to the next.
inline constexpr uint16_t kDevPort = 8787;

struct DevNodeOptions {
  std::optional<uint16_t> port = {};       ///< Of its gateway; nothing: kDevPort, or another one.
  std::vector<std::string> settings = {};  ///< key=value, for the node.
};

/// One thread, which lives as long: the node ends with it.
class DevNode {
 public:
  /// Returns when functions can be deployed. Errors: the node's own.
  static Maybe<DevNode> start(const DevNodeOptions& options);
  DevNode(DevNode&& other) noexcept;
  DevNode& operator=(DevNode&&) = delete;
  /// Ends the node and removes its data.
  ~DevNode();

  /// Its gateway and token.
  Connection connection() const;
  /// Nothing while it runs; why it ended.
  std::optional<std::string> ended() const;

 private:
  DevNode() = default;
  Outcome launch(const DevNodeOptions& options);
  Outcome wait_ready();
  std::string last_words() const;

  std::filesystem::path folder_;
  std::string gateway_;
  pid_t pid_ = -1;
};

}  // namespace themis::cli

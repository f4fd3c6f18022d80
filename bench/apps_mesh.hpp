#pragma once
// A mesh of real nodes for the paper's applications: processes of this machine, started and ended
// by the bench.

#include <sys/types.h>

#include <memory>

#include "apps/themis/gateway.hpp"
#include "apps/themis/package.hpp"
#include "runtime/base/clock.hpp"
#include "tests/unit/store/temporary_directory.hpp"

namespace themis::bench {

/// A node that faces HTTP, as the original's client, and `servers` nodes with one worker process
/// each, to which functions go; 0 servers: the first node runs them itself. One thread.
class AppsMesh {
 public:
  struct Options {
    size_t servers = 1;
    bool encryption = true;
    bool fine_clocks = false;  ///< Functions see microseconds.
  };
  /// From the first fork to a whole ring; two busy cores need a second or two.
  static constexpr Duration kStartMax = 30s;

  /// Starts the nodes and waits for them. Errors: unavailable, with the end of a node's log.
  static cli::Maybe<std::unique_ptr<AppsMesh>> start(const Options& options);
  ~AppsMesh();
  AppsMesh(const AppsMesh&) = delete;
  AppsMesh& operator=(const AppsMesh&) = delete;

  /// Deploys to all servers, or to as many as the package says; the time until the first GET of it
  /// was answered.
  cli::Maybe<Duration> deploy(const cli::Package& package);
  cli::Outcome remove(const std::string& function);
  /// A GET of a function. Fails on every status over 399.
  cli::Maybe<http::Response> get(const std::string& path);
  const net::Address& gateway() const { return gateway_->address(); }
  /// That all its processes have used.
  double cpu_s() const;

 private:
  AppsMesh() = default;
  cli::Outcome start_node(size_t number, const Options& options);
  cli::Outcome wait_until_whole();
  /// What went wrong, with the last line that a node wrote.
  cli::Outcome failed_with_log(const std::string& what) const;

  storage::TemporaryDirectory folder_;
  std::vector<pid_t> nodes_;
  std::vector<uint16_t> ports_;  ///< Of the nodes, the gateway's at the end.
  std::optional<cli::Gateway> gateway_;
  size_t servers_ = 0;
};

}  // namespace themis::bench

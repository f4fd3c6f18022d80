#pragma once
// The root of a node process: builds everything that a config asks for and holds it in one
// supervision tree.

#include <memory>

#include "runtime/config/config.hpp"

namespace themis {

/// One process of the mesh. Made, run and destroyed by main()'s thread, which becomes the
/// reactor's.
class Root {
 public:
  /// Opens what can be wrong before anything starts: data directory, identity, store.
  /// Errors: one line that says what, where and what to do.
  static Result<std::unique_ptr<Root>> open(const Config& config);
  ~Root();

  /// Runs until stop(), or until the tree gives up. Errors: what could not be started (a port in
  /// use), or why it gave up.
  Status run();
  /// Leaves the ring, answers what runs, and makes run() return, within 2 s. Async-signal-safe.
  void stop();

 private:
  struct Impl;
  explicit Root(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace themis

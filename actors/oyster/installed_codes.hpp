#pragma once
// The codes that a node's workers have, or may have for a fresh isolate; those used last stay.

#include <map>
#include <memory>
#include <vector>

#include "actors/worker/worker_api.hpp"

namespace themis {

/// What the workers are told of a code. No function and no namespace can have its name: uploaded
/// code has no state of its own. Each is its own owner, so that none shares a process with another.
InstallFunction description_of(const CodeId& id, std::shared_ptr<const Bytes> source,
                               const FunctionLimits& limits);

/// Pure. One thread.
class InstalledCodes {
 public:
  /// 1 MB each at most; the one used least recently goes first.
  static constexpr size_t kCodesMax = 1024;
  static constexpr size_t kBytesMax = size_t{64} << 20;

  explicit InstalledCodes(size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  /// Null: it is not kept. It counts as a use.
  std::shared_ptr<const Bytes> find(const CodeId& id);
  /// Keeps it. Returns what goes for it: to be uninstalled.
  std::vector<CodeId> keep(const CodeId& id, std::shared_ptr<const Bytes> source);
  /// Whether the workers have it installed, and that they do.
  bool is_installed(const CodeId& id) const;
  void installed(const CodeId& id);
  size_t count() const { return codes_.size(); }

 private:
  struct Code {
    std::shared_ptr<const Bytes> source;
    uint64_t last_used = 0;
    bool is_installed = false;
  };

  std::map<CodeId, Code> codes_;
  size_t bytes_ = 0;
  size_t bytes_max_;
  uint64_t uses_ = 0;
};

}  // namespace themis

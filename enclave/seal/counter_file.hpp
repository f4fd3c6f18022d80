#pragma once
// The sealed counter in a file of its own.

#include <filesystem>
#include <memory>

#include "enclave/seal/counter.hpp"

namespace themis::seal {

/// Two sectors that are written in turns, each with its MAC, so that a power cut during a write
/// leaves the value before. It has to be where the host cannot put an older copy back: this file
/// alone does not see that. One process and one thread; the file is locked.
class CounterFile final : public SealedCounter {
  /// Only open() makes one.
  struct Private {
    explicit Private() = default;
  };

 public:
  /// Created when absent, mode 0600. `key` is borrowed for the object's life.
  /// Errors: io ("state/counter: cannot be opened: ..."); exists (another process has it).
  static Result<std::unique_ptr<CounterFile>> open(const std::filesystem::path& path,
                                                   const SealingKey& key);
  CounterFile(Private, std::string name, const SealingKey& key)
      : name_(std::move(name)), key_(key) {}
  CounterFile(const CounterFile&) = delete;
  CounterFile& operator=(const CounterFile&) = delete;
  ~CounterFile() override;

  Result<CounterValue> value() override { return value_; }
  Status raise(const CounterValue& to) override;

 private:
  Status read();
  Status create();
  Status write(const CounterValue& to);

  std::string name_;
  int fd_ = -1;
  const SealingKey& key_;
  CounterValue value_;
};

}  // namespace themis::seal

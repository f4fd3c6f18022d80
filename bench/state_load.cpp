#include "bench/state_load.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "runtime/base/rng.hpp"

namespace themis::bench {
namespace {

/// That the records are spread over, so that every monitor thread has its share.
constexpr size_t kNamespaces = 64;

/// Numbers below `count`, zipfian with skew `theta`, or uniform when it is 0. Source: Gray et al.,
/// "Quickly generating billion-record synthetic databases", SIGMOD 1994, section 3.2.
class Keys {
 public:
  Keys(uint64_t count, double theta, uint64_t seed) : count_(count), theta_(theta), rng_(seed) {
    for (uint64_t i = 1; theta > 0 && i <= count; ++i)
      zeta_ += 1 / std::pow(static_cast<double>(i), theta);
    const double zeta2 = 1 + std::pow(0.5, theta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - theta)) / (1 - zeta2 / zeta_);
  }
  uint64_t next() {
    if (theta_ == 0) return rng_.below(count_);
    const double u = static_cast<double>(rng_.below(1u << 30)) / (1u << 30), uz = u * zeta_;
    if (uz < 1) return 0;
    if (uz < 1 + std::pow(0.5, theta_)) return 1;
    const double at = static_cast<double>(count_) * std::pow(eta_ * u - eta_ + 1, 1 / (1 - theta_));
    return std::min(static_cast<uint64_t>(at), count_ - 1);
  }
  uint64_t below(uint64_t bound) { return rng_.below(bound); }

 private:
  const uint64_t count_;
  const double theta_;
  SeededRng rng_;
  double zeta_ = 0, eta_ = 0;
};

/// Sorts calls by their namespaces into messages.
class Messages {
 public:
  explicit Messages(const Options& options) : value_(options.value_bytes) {}

  void add(StateOp op, uint64_t number) {
    StateBatch& batch = open_[number % kNamespaces];
    name_space_ = fmt::format("space-{}", number % kNamespaces);
    key_ = fmt::format("{:08}", number);
    const Status added =
        op == StateOp::put ? batch.put(name_space_, key_, value_) : batch.get(name_space_, key_);
    THEMIS_ASSERT(added, "calls of the bench are right");
    if (batch.size() >= kCallsPerMessage) full_.push_back(std::exchange(batch, {}));
  }
  std::vector<StateBatch> take() {
    for (StateBatch& batch : open_)
      if (!batch.empty()) full_.push_back(std::exchange(batch, {}));
    return std::exchange(full_, {});
  }

 private:
  const Bytes value_;
  std::array<StateBatch, kNamespaces> open_;
  std::vector<StateBatch> full_;
  std::string name_space_, key_;
};

}  // namespace

std::vector<StateBatch> first_writes(const Options& options) {
  Messages messages(options);
  for (uint64_t i = 0; i < options.records; ++i) messages.add(StateOp::put, i);
  return messages.take();
}

std::vector<StateBatch> load_of(const Options& options, size_t calls) {
  Messages messages(options);
  Keys keys(options.records, options.zipf, 1);
  const uint64_t percent = options.mix == "a" ? 50 : options.mix == "b" ? 5 : 0;
  for (size_t i = 0; i < calls; ++i) {
    const uint64_t number = keys.next();
    const bool writes = keys.below(100) < percent;
    messages.add(writes ? StateOp::put : StateOp::get, number);
    if (options.mix == "f") messages.add(StateOp::put, number);
  }
  return messages.take();
}

}  // namespace themis::bench

#pragma once
// Signs what the aggregator certified: one certificate for every epoch, in order.

#include "enclave/monitor/aggregator.hpp"
#include "enclave/receipts/certificate.hpp"

namespace themis::seal {

/// The aggregator with the instance's signing key. Nothing is signed after a violation. No heap
/// after construction. One thread.
template <class Checks = monitor::AllChecks>
class Certifier {
 public:
  Certifier(uint16_t threads, const monitor::InstanceId& instance, const monitor::MasterKey& master)
      : Certifier(threads, receipts::CertificateSigner(instance, master)) {}
  /// Certifies from the signer's epoch on.
  Certifier(uint16_t threads, receipts::CertificateSigner signer)
      : aggregator_(threads, signer.epoch()),
        threads_(threads),
        signer_(std::move(signer)),
        heads_(std::make_unique<receipts::LogHead[]>(monitor::kEpochsReported * threads)) {}

  /// As Aggregator::accept(); take_certificate() until there is none before the next report.
  bool accept(const monitor::EpochReport& report) {
    if (signer_.epoch() < certified())
      fail({monitor::Reason::reports_pending, 0, signer_.epoch(), 0});
    if (!aggregator_.accept(report)) return false;
    heads(report.epoch)[report.thread] = report.receipts;
    return true;
  }
  void fail(const monitor::Violation& violation) { aggregator_.fail(violation); }
  /// Of the oldest epoch that is certified and not signed yet.
  std::optional<receipts::Certificate> take_certificate() {
    if (aggregator_.violation() || signer_.epoch() == certified()) return std::nullopt;
    return signer_.next(heads(signer_.epoch()));
  }
  const monitor::Aggregator<Checks>& aggregator() const { return aggregator_; }

 private:
  /// The first epoch that is not.
  uint64_t certified() const {
    const auto last = aggregator_.certified();
    return last ? uint64_t{*last} + 1 : 0;
  }
  std::span<receipts::LogHead> heads(uint32_t epoch) {
    return {&heads_[epoch % monitor::kEpochsReported * threads_], threads_};
  }

  monitor::Aggregator<Checks> aggregator_;
  uint16_t threads_;
  receipts::CertificateSigner signer_;
  std::unique_ptr<receipts::LogHead[]> heads_;
};

}  // namespace themis::seal

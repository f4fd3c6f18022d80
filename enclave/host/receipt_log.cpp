#include "enclave/host/receipt_log.hpp"

#include <algorithm>

namespace themis::host {
namespace {

Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

}  // namespace

ReceiptLog::Epoch& ReceiptLog::open(uint32_t epoch) {
  const auto at = std::lower_bound(epochs_.begin(), epochs_.end(), epoch,
                                   [](const Epoch& a, uint32_t b) { return a.number < b; });
  if (at != epochs_.end() && at->number == epoch) return *at;
  return *epochs_.insert(at, {epoch, std::vector<Thread>(threads_)});
}

void ReceiptLog::add(uint16_t thread, const IssuedReceipt& issued) {
  Thread& at = open(issued.receipt.epoch).threads[thread];
  receipts::Receipt receipt;
  receipt.thread = thread;
  receipt.position = issued.receipt.position;
  receipt.client = issued.client;
  receipt.nonce = issued.caller.nonce;
  receipt.function = issued.function;
  receipt.keys = copy(issued.keys);
  receipt.arguments = copy(issued.arguments);
  receipt.result = copy(issued.receipt.result);
  receipt.index = at.leaves.size();
  at.receipts.push_back(std::move(receipt));
  at.leaves.push_back(issued.leaf);
  ++receipts_;
}

std::vector<receipts::Receipt> ReceiptLog::complete(const receipts::Certificate& certificate) {
  std::vector<receipts::Receipt> done;
  if (epochs_.empty() || epochs_.front().number != certificate.epoch) return done;
  std::vector<receipts::LogTree> trees;
  std::vector<receipts::Digest> heads;
  for (Thread& each : epochs_.front().threads) {
    trees.emplace_back(std::move(each.leaves));
    heads.push_back(receipts::thread_leaf(trees.back().head()));
  }
  const receipts::LogTree top(std::move(heads));
  for (uint16_t thread = 0; thread < threads_; ++thread) {
    for (receipts::Receipt& each : epochs_.front().threads[thread].receipts) {
      each.size = trees[thread].head().size;
      each.path = trees[thread].path(each.index);
      each.thread_path = top.path(thread);
      each.certificates.push_back(certificate);
      done.push_back(std::move(each));
    }
  }
  epochs_.pop_front();
  receipts_ -= done.size();
  return done;
}

}  // namespace themis::host

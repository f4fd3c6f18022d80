// Prints the receipts of receipt_cases.cpp, and how they must be judged, as JSON.

#include <iostream>
#include <nlohmann/json.hpp>

#include "runtime/crypto/crypto.hpp"
#include "tests/unit/enclave/receipt_world.hpp"

int main() {
  themis::crypto::init();
  nlohmann::json all = nlohmann::json::array();
  for (const themis::tests::ReceiptCase& each : themis::tests::receipt_cases())
    all.push_back({{"name", each.name},
                   {"text", each.text},
                   {"key", each.key},
                   {"seen", each.seen},
                   {"accepted", each.accepted}});
  std::cout << all.dump() << '\n';
}

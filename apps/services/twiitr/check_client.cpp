// Asks `check`, once for every line "USER PASSWORD" of its input, and answers each with one line:
// "known VERSION PROCESS", "unknown VERSION PROCESS" or "error CODE DETAIL".
#include <themis/node.hpp>

#include <iostream>
#include <sstream>

#include "check.capnp.h"

int main(int argc, char** argv) {
  themis::Node node(argc, argv);
  for (std::string line; std::getline(std::cin, line);) {
    std::string user, password;
    std::istringstream(line) >> user >> password;
    themis::Out<twiitr::Check> check;
    check->setUser(user);
    check->setPassword(password);
    const auto answer = node.call<twiitr::Verdict>("check", check, themis::Duration(2'000'000'000),
                                                   themis::Idempotent::yes);
    if (!answer) {
      std::cout << "error " << answer.error().text() << std::endl;
      continue;
    }
    const auto verdict = answer->view();
    std::cout << (verdict->getKnown() ? "known " : "unknown ") << verdict->getVersion().cStr()
              << ' ' << verdict->getNode() << std::endl;
  }
}

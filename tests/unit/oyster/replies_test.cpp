#include "runtime/oyster/replies.hpp"

#include <gtest/gtest.h>

namespace themis::oyster {
namespace {

void expect_answer(const Answer& answer, int status, std::string_view body) {
  EXPECT_EQ(answer.response.status, status) << body;
  EXPECT_EQ(answer.response.body, body);
}

TEST(OysterReplies, AreMastersByteForByte) {
  expect_answer(drained(), 410, "worker unregistered");
  expect_answer(busy(), 429, "no free cgroup available to run request");
  expect_answer(no_host(), 400, "could not find Host header");
  expect_answer(no_code({NoCode::not_found, "tx not found"}), 400,
                "failed to create code file\n\nCaused by:\n    tx not found");
  expect_answer(no_code({NoCode::no_deposit, "tx deposit not enough"}), 400,
                "tx deposit not enough");
  const std::string late = "worker timed out\n\nCaused by:\n    deadline has elapsed";
  expect_answer(failure({Code::timeout, "x"}), 408, late);
  expect_answer(failure({Code::cpu_exceeded, "x"}), 408, late);
  expect_answer(failure({Code::threw, "Error: secret"}), 500, "Internal Server Error");
  EXPECT_EQ(failure({Code::threw, ""}).outcome, Outcome::answered);
  expect_answer(failure({Code::overloaded, "x"}), 429, busy().response.body);
  EXPECT_EQ(failure({Code::memory_exceeded, "x"}).response.status, 500);
  EXPECT_TRUE(failure({Code::memory_exceeded, "x"})
                  .response.body.starts_with("failed to get a response\n\nCaused by:\n    "));
}

// The lines of workerd 1.20261117.1 for the same modules; its columns of syntax errors begin at 0.
TEST(OysterReplies, TellOfModulesAsWorkerdDoes) {
  const auto syntax = [](const char* detail) {
    return failure({Code::syntax, detail}).response.body;
  };
  const std::string prefix = "syntax error in the code: service main: Uncaught SyntaxError: ";
  EXPECT_EQ(syntax("main:1:2: Unexpected token 'export'"),
            prefix + "Unexpected token 'export'\n  at main:1:1");
  EXPECT_EQ(syntax("main:1:35: Unexpected end of input"),
            prefix + "Unexpected end of input\n  at main:1:34");
  EXPECT_EQ(syntax("main:3:1: Unexpected token ':'"),
            prefix + "Unexpected token ':'\n  at main:3:0");
  EXPECT_EQ(syntax("it is too long"), prefix + "it is too long");
  expect_answer(
      failure({Code::invalid, "ReferenceError: x is not defined\n    at main:1:39\n    at b:1:1"}),
      500,
      "failed to execute worker: service main: Uncaught ReferenceError: x is not defined\n"
      "  at main:1:39");
  expect_answer(failure({Code::invalid, "Error: a\n    at f (main:1:39)"}), 500,
                "failed to execute worker: service main: Uncaught Error: a\n  at main:1:39");
}

TEST(OysterReplies, OfTheFirstGenerationAreJson) {
  expect_answer(first_success("2,5"), 200,
                R"({"data":"2,5","message":"Response successfully generated","status":"success"})");
  expect_answer(first_busy(), 500, R"({"data":null,"message":"Server busy","status":"error"})");
  const auto message = [](const Answer& answer) { return answer.response.body; };
  EXPECT_NE(message(first_no_code({NoCode::other_contract, ""}, "0xabc"))
                .find("interacting with the correct contract : 0xabc"),
            std::string::npos);
  EXPECT_NE(message(first_failure({Code::timeout, ""}))
                .find("Server timeout, fetching response took a long time"),
            std::string::npos);
  EXPECT_EQ(first_answered(http::Response::text(404, "x")).response.status, 500);
}

TEST(OysterReplies, HaveANameForEachOutcome) {
  for (size_t i = 0; i < kOutcomes; ++i) EXPECT_FALSE(name(static_cast<Outcome>(i)).empty());
}

}  // namespace
}  // namespace themis::oyster

#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::string caught(int number) {
  try {
    if (number % 2 == 0)
      throw std::runtime_error("even " + std::to_string(number));
    return "odd " + std::to_string(number);
  } catch (const std::exception &error) {
    return error.what();
  }
}

int main() {
  std::vector<std::string> lines(4);
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; number++)
    threads.emplace_back([&lines, number] { lines[number] = caught(number); });
  for (auto &thread : threads)
    thread.join();
  for (const auto &line : lines)
    std::cout << line << '\n';
  return 0;
}

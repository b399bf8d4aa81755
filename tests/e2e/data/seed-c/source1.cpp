#include <iostream>

int main() { std::cout << "binary 1 runs" << std::endl; }

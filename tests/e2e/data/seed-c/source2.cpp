#include <iostream>

int main() { std::cout << "binary 2 runs" << std::endl; }

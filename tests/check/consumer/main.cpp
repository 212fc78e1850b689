// The smallest outside program in C++: the header's guards give the names C linkage.
#include <eddy.h>
#include <iostream>

int main() {
    std::cout << eddy_version_string() << '\n';
    return !std::cout;
}

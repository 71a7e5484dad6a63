// sovereign: argv → command → exit code.
int main() { return 2; }

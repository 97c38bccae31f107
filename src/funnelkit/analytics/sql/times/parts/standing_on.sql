-- Where records are is asked only where stays go on.
{state},

"""What every floor shares: records, store protocols, errors, namespaces, filters, the trace seam."""

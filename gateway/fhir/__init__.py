"""What is known of a person as HL7 FHIR R4 resources."""
